/** The data of a request that is large, and that nobody has looked at: JSON that a thread will read. */

/** From this size on, in characters, it is not read where it arrives. */
export const unreadFrom = 2 ** 14;

/** No client can make one of these, so that what is taken for one was not looked at by anybody. */
export class Unread {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
