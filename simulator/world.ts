import { createFaultEngine, type FaultEngine } from './fault-engine.ts';
import { createLiving, type Living } from './living.ts';
import type { Settings } from './options.ts';
import { createSelector, type Selector } from './selection.ts';
import { createTenant, type Tenant } from './tenant.ts';
import { createTokens, type Tokens } from './tokens.ts';
import { createTruth, type Truth } from './truth.ts';

/** All parts of a running simulator, without the network. */
export interface World {
  settings: Settings;
  tenant: Tenant;
  living: Living;
  selector: Selector;
  tokens: Tokens;
  faults: FaultEngine;
  truth: Truth;
}

export function createWorld(settings: Settings): World {
  const tenant = createTenant(settings);
  const faults = createFaultEngine(settings.seed, settings.faults);
  const living = createLiving(tenant, settings.living, faults.detailFails);
  return {
    settings,
    tenant,
    living,
    faults,
    selector: createSelector(tenant, settings),
    tokens: createTokens(settings),
    truth: createTruth(tenant, living, faults),
  };
}
