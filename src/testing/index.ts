/** Tools to test machines and whole systems: public, for users' own charts and workflows too. */
export { explore, type Exploration, type ExploreOptions } from './explore.ts';
export { simulate, type Simulation, type SimulationOptions } from './simulate.ts';
export { simulatedClock, type SimulatedClock, type SimulatedClockOptions } from './simulated-clock.ts';
