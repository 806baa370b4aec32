/** What `--providers` may find. */
import { defineProvider } from '../../../../src/providers/provider.ts';

interface Unit {
  readonly one: number;
}
const unit: Unit = { one: 1 };

export const one = defineProvider({ protocol: 'one/v1', methods: { 'one/get': { run: (): number => unit.one } } });
const two = defineProvider({ protocol: 'two/v1', methods: {} });
export const all = [one, two];
export const notOne = { protocol: 'x' };
