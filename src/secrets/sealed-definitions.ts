/** Definitions as they are recorded, each sealed once, however often it is submitted. */
import type { WorkflowDefinition } from '../../machines/events/definition.ts';
import { finished, type Work } from '../work.ts';
import { hashing } from '../workflow/version.ts';
import { type DefinitionSealing, sealing, sourcesIn } from './definition.ts';
import type { SecretSources } from './sources.ts';

/** A definition and its hash. */
export interface Hashed {
  readonly definition: WorkflowDefinition;
  readonly versionHash: string;
}

export class SealedDefinitions {
  private readonly by: DefinitionSealing;
  private readonly sealed = new WeakMap<WorkflowDefinition, Hashed>();
  private readonly sources = new WeakMap<WorkflowDefinition, SecretSources>();

  constructor(by: DefinitionSealing) {
    this.by = by;
  }

  /** Where the secrets of a definition come from, be it sealed or not. */
  sourcesOf(definition: WorkflowDefinition): SecretSources {
    const found = this.sources.get(definition) ?? sourcesIn(definition, this.by.rules);
    this.sources.set(definition, found);
    return found;
  }

  /** A workflow with what stands in the journal for its definition; the very same where there is nothing to seal. */
  of<Workflow extends Hashed>(given: Workflow): Workflow {
    if (!this.sealed.has(given.definition)) finished(this.seal(given));
    const known = this.sealed.get(given.definition);
    return known === undefined || known.definition === given.definition ? given : { ...given, ...known };
  }

  /** Seals a definition, so that it is there at once when it is asked for. */
  *seal(given: Hashed): Work<void> {
    if (this.sealed.has(given.definition)) return;
    const { definition, sources } = yield* sealing(given.definition, this.by);
    // What is hashed is what is recorded: a hash of the secret itself could be used to guess it.
    const versionHash = definition === given.definition ? given.versionHash : yield* hashing(definition);
    // Of two that do the same at the same time, the first one holds.
    if (this.sealed.has(given.definition)) return;
    this.sources.set(definition, sources);
    // The input comes with the definition as it was given.
    this.sources.set(given.definition, sources);
    this.sealed.set(given.definition, { definition, versionHash });
  }
}
