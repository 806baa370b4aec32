/**
 * Seals what a definition says itself: the literal parts of its parameters and its output. References stay in the open, so that the
 * machines can replace them; what they are replaced by was sealed where it came in.
 */
import type { WorkflowDefinition } from '../../machines/events/definition.ts';
import { referencesIn, scanTemplate } from '../../machines/policies/references.ts';
import { finished, type Work } from '../work.ts';
import { literal } from '../workflow/ref.ts';
import { type Leaf, type Rewriting, rewrite } from './rewrite.ts';
import { noSources, type SecretSources, sourcesOf, type Template } from './sources.ts';
import { mayHoldToken } from './token.ts';

/** Tasks that are rewritten in one step. */
const tasksAtOnce = 16;

/** What tells secrets, and what makes tokens of them. */
export interface DefinitionSealing {
  readonly rules: Pick<Rewriting, 'isSecretName' | 'isSecretPlace'>;
  readonly seal: (value: unknown) => string;
}

export interface SealedDefinition {
  /** The very same where there was nothing to seal. */
  readonly definition: WorkflowDefinition;
  readonly sources: SecretSources;
}

/** Seals a definition as it is submitted. */
export function sealing(definition: WorkflowDefinition, { rules, seal }: DefinitionSealing): Work<SealedDefinition> {
  const hasTemplates = templateFinder();
  return walk(definition, {
    ...rules,
    leaf: (value, isSecret) => (typeof value === 'string' ? sealTemplate(value, isSecret, seal) : sealLeaf(value, isSecret, seal)),
    // The machines read what is a template, and find none in what is sealed.
    whole: (value) => (hasTemplates(value) ? undefined : sealWhole(value, seal)),
    // No reference leads into a definition.
    name: (name, isSecret) => sealName(name, isSecret, seal),
  });
}

/** Where the secrets of a definition come from, be it sealed or not. */
export function sourcesIn(definition: WorkflowDefinition, rules: DefinitionSealing['rules']): SecretSources {
  return finished(walk(definition, { ...rules, leaf: (value) => value })).sources;
}

/** Replaces parts of parameters and output, and finds what the secret ones refer to. */
function* walk(definition: WorkflowDefinition, by: Rewriting): Work<SealedDefinition> {
  const templates: Template[] = [];
  const within = (task: Template['task']): Rewriting => ({
    ...by,
    leaf(value, isSecret) {
      if (typeof value === 'string' && value.includes('${')) templates.push({ text: value, task, isSecret });
      return by.leaf(value, isSecret);
    },
  });
  const params: unknown[] = [];
  for (const task of definition.tasks) {
    if (params.length % tasksAtOnce === 0) yield;
    params.push(rewrite(task.params, ['params'], within(task)));
    if (task.forEach !== undefined) templates.push({ text: task.forEach.items, task: undefined, isSecret: false, beyond: [null] });
  }
  const output = rewrite(definition.output, ['output'], within(undefined));
  const sources = templates.length === 0 ? noSources : yield* sourcesOf(definition, templates);
  const isSame = output === definition.output && definition.tasks.every((task, at) => task.params === params[at]);
  if (isSame) return { definition, sources };
  const tasks = definition.tasks.map((task, at) => (task.params === params[at] ? task : { ...task, params: params[at] }));
  return { definition: { ...definition, tasks, ...(output !== undefined && { output }) }, sources };
}

/** A secret leaf becomes a token; `null` and the empty text say nothing, and stay. */
export function sealLeaf(value: Leaf, isSecret: boolean, seal: (value: unknown) => string): unknown {
  if (value === null || value === undefined || value === '') return value;
  return isSecret || (typeof value === 'string' && mayHoldToken(value)) ? seal(value) : value;
}

/** A secret list or map as one token; an empty one says nothing, and stays. */
export function sealWhole(value: object, seal: (value: unknown) => string): unknown {
  return Object.keys(value).length === 0 ? value : seal(value);
}

/** The name of a field in a secret map is as secret as what stands under it. */
export function sealName(name: string, isSecret: boolean, seal: (value: unknown) => string): string {
  return (isSecret && name !== '') || mayHoldToken(name) ? seal(name) : name;
}

/** Tells whether a list or map has a template in it; each is looked through once, however deep it stands in others. */
function templateFinder(): (value: unknown) => boolean {
  const known = new WeakMap<object, boolean>();
  const find = (value: unknown): boolean => {
    if (typeof value === 'string') return value.includes('${');
    if (typeof value !== 'object' || value === null) return false;
    const found = known.get(value) ?? Object.values(value).some(find);
    known.set(value, found);
    return found;
  };
  return find;
}

function sealTemplate(text: string, isSecret: boolean, seal: (value: unknown) => string): unknown {
  const isPlain = !isSecret && !mayHoldToken(text);
  if (isPlain || text === '') return text;
  if (!text.includes('${')) return seal(text);
  const hasReferences = referencesIn(text).length > 0;
  const parts = scanTemplate(text).map((part) => {
    if (part.kind === 'reference') return `\${${part.expression}}`;
    const isHidden = isSecret && !(hasReferences && saysNothing(part.text));
    return isHidden || mayHoldToken(part.text) ? seal(part.text) : literal(part.text);
  });
  return parts.join('');
}

/** What stands around references and is no secret itself: the scheme of a header, as in `Bearer ${…}`, and mere punctuation. */
function saysNothing(text: string): boolean {
  return /^(?:bearer|basic|digest|negotiate|token|key|apikey|bot) +$/i.test(text) || /^[^\p{L}\p{N}]*$/u.test(text);
}
