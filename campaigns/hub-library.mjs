/** What lets others reach a system, as it is built, or from its sources where a test asks for them. */
const fromSources = process.env['GLEITZEIT_SOURCES'] === '1';
const library = await import(new URL(fromSources ? '../src/hub/index.ts' : '../dist/hub.js', import.meta.url).href);

export const { connect, createHub, createRemoteWorker } = library;
