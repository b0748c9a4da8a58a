/** The calls of Endpoint Sensor: they share one address, and the body names the task. */

export const PATH = '/WebApp/OSCE_iES/OsceIes/ApiEntry';
/** Lists the investigations, with the endpoints that took part. */
export const LIST = 'V1/Task/ShowScanSummaryList';
/** Lists the endpoints of one scan summary. */
export const ENDPOINTS = 'V1/Task/ShowScanListByScanSummaryGuid';
/** Asks an endpoint for the footprints of one investigation. */
export const FOOTPRINTS = 'V1/Task/ShowFootPrintTable';
/** Asks for the results that a task has so far. */
export const CONTENT = 'V1/Content/ShowContent';
/** Endpoint Sensor: "the value is always 4". */
export const TASK_TYPE = 4;
/** Kinds of investigations: 0 custom, 1 registry, 2 YARA, 3 IOC, 6 disk IOC. A list has those that its request names. */
export const SCAN_TYPES: readonly number[] = [0, 1, 2, 3, 6];
