/** Who may do what at the hub. */

/**
 * `client`: submits, commands, reads and subscribes. `observer`: reads and subscribes. `worker`: registers workers, and sees nothing
 * but the tasks that it is given.
 */
export const roles = ['client', 'worker', 'observer'] as const;
export type Role = (typeof roles)[number];

/** A token, and what it is good for. */
export interface TokenGrant {
  readonly token: string;
  /** @defaultValue every role */
  readonly roles?: readonly Role[];
  /** Names whoever holds it, in logs. @defaultValue its roles */
  readonly name?: string;
}
