import { startSimulator } from '../simulator/index.ts';
const sim = await startSimulator({ seed: 7, port: 7799, detections: 100000, tenantId: 'bench', applicationId: 'bench', applicationSecret: 'secret-of-the-benchmark', endTime: '2026-11-01T00:00:00Z' });
console.log(JSON.stringify(sim.range));
setTimeout(() => process.exit(0), 120000);
