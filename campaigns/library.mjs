/** The library: as it is built, or from its sources where a test asks for them. */
const fromSources = process.env['GLEITZEIT_SOURCES'] === '1';
const library = await import(new URL(fromSources ? '../src/index.ts' : '../dist/index.js', import.meta.url).href);

export const { GleitzeitError, checkJournal, createSystem, defineProvider, loadWorkflow, renderExplanation, specOf, sqliteJournal } = library;

/** What a process of a campaign is started with, so that it has the same library. */
export const nodeArguments = fromSources ? ['--import', 'tsx'] : [];
