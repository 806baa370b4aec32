/** Holds the inspector's feed of a system: one at a time, loaded when it is asked for. */
import type { Inspection, InspectOptions } from '../observe/inspector.ts';
import type { Core } from '../system/core.ts';

export class InspectionHolder {
  private current: Promise<Inspection> | undefined;

  /** Opens it, or answers with the one that is open. */
  open(core: Core, options: InspectOptions): Promise<Inspection> {
    this.current ??= this.openAnew(core, options);
    return this.current;
  }

  /** Ends it, where there is one. */
  async close(): Promise<void> {
    await (await this.current?.catch(() => undefined))?.stop();
  }

  private async openAnew(core: Core, options: InspectOptions): Promise<Inspection> {
    try {
      const { openInspector } = await import('../observe/inspector.ts');
      const { url, port, stop } = await openInspector(core, options);
      const close = async (): Promise<void> => {
        this.current = undefined;
        await stop();
      };
      return { url, port, stop: close };
    } catch (error) {
      this.current = undefined;
      throw error;
    }
  }
}
