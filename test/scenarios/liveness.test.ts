import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { openScene, type Scene } from './scene.ts';
import { tours } from './tours.ts';

describe('the catalogue', () => {
  const ledger = new Ledger();
  let unwatch = (): void => undefined;
  beforeAll(() => {
    unwatch = ledger.watch();
  });
  afterAll(() => unwatch());

  it.each(Object.keys(tours))('is toured by way of %s', async (name) => {
    const scenes: Scene[] = [];
    await tours[name]?.(async (options) => {
      const opened = await openScene(options);
      scenes.push(opened);
      return opened;
    });
    for (const { close, events, core } of scenes) {
      await close();
      ledger.enter(events, core);
    }
  });

  it('is live: each event is stated by each of its owners, and each of its listeners reacts', () => {
    expect(ledger.dead()).toEqual([]);
  });
});
