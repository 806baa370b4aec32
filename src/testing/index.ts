/** Tools to test machines and whole systems: public, for users' own charts and workflows too. */
export { type Exploration, type ExploreOptions, explore } from './explore.ts';
export { type Simulation, type SimulationOptions, simulate } from './simulate.ts';
export { type SimulatedClock, type SimulatedClockOptions, simulatedClock } from './simulated-clock.ts';
