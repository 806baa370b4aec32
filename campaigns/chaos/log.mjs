/** A log of what should not be: a campaign looks at what its processes say on standard error. */
const none = () => undefined;
export const quiet = { debug: none, info: none, warn: none, error: (...said) => console.error(...said) };
