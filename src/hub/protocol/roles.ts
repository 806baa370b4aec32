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
  /**
   * The protocols that workers may serve with it, for a token of the role `worker`: a list of 1 or more. What the engine carries out
   * itself stays closed to them all the same, unless the hub opens it by `remote`.
   * @defaultValue every protocol that is not closed to workers
   */
  readonly protocols?: readonly string[];
  /** Names whoever holds it, in logs. @defaultValue its roles */
  readonly name?: string;
}
