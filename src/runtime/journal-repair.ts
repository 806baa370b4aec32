/** The repair of a journal, with the machines' own word about which runs can be brought back. */
import { toFailure } from '../errors.ts';
import { type JournalRepair, type RepairOptions, type RepairSettings, repairFile } from '../journal/sqlite/repair.ts';
import type { Judge } from '../journal/sqlite/salvage.ts';
import { type MachineConfig, machineConfigDefaults } from '../system/config.ts';
import { Registry } from '../system/registry.ts';
import { bringBack, bringBackSchedule, type Ground } from './hydration.ts';

const config: MachineConfig = { ...machineConfigDefaults, alertRules: [] };

/** What a start would isolate. */
export const startJudge: Judge = {
  workflow: (facts) => faultOf((ground) => bringBack(ground, facts)),
  schedule: (standing) => faultOf((ground) => bringBackSchedule(ground, standing)),
};

/** Tries it where nobody hears of it. */
function faultOf(act: (ground: Ground) => void): string | undefined {
  try {
    act({ registry: new Registry(), config, router: { remember: () => undefined } });
    return undefined;
  } catch (thrown) {
    return `it cannot be brought back: ${toFailure(thrown).message}`;
  }
}

/**
 * Makes a damaged journal usable again. Every run and every schedule whose facts are all there, and that can be brought back, stays; the
 * journal as it was is put aside, whole, and what is only in it is said by id. An end at any moment leaves the journal as it was, or
 * repaired.
 * @throws GleitzeitError PERSISTENCE_CONNECTION_FAILED while an engine owns it, PERSISTENCE_INTEGRITY_ERROR when it is no journal
 * @example
 * const { aside, lost } = await repairJournal('jobs.db');
 */
export function repairJournal(path: string, options: RepairOptions & Pick<RepairSettings, 'onStep'> = {}): Promise<JournalRepair> {
  return repairFile(path, { ...options, judge: startJudge });
}
