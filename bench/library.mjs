/** The library as its users import it, built: XState takes its production build only where plain node runs it. */
export * from '../dist/index.js';
