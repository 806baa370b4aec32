/**
 * Gleitzeit: a workflow runtime in which every part is a statechart actor.
 *
 * `createSystem` makes a running system, `defineWorkflow` and `loadWorkflow` make what it runs, `defineProvider` what carries
 * out its tasks. The machines and the catalogue of events are the model that all of it follows.
 */
export { alertSystemMachine } from '../machines/alert-system.ts';
export { backpressureMonitorMachine } from '../machines/backpressure-monitor.ts';
export { circuitBreakerMachine } from '../machines/circuit-breaker.ts';
export { cleanerMachine } from '../machines/cleaner.ts';
export { cronMachine } from '../machines/cron.ts';
export { dependencyResolverMachine } from '../machines/dependency-resolver.ts';
export { engineMachine } from '../machines/engine.ts';
export {
  catalogue,
  catalogueJsonSchema,
  type DataOf,
  type DraftOf,
  type EventOf,
  type EventType,
  eventTypes,
  type GleitzeitEvent,
  isEventType,
  specOf,
} from '../machines/events/catalogue.ts';
export { create } from '../machines/events/create.ts';
export { type Component, components, type EventSpec } from '../machines/events/define.ts';
export type { Dependency, ForEach, Priority, RetryPolicy, TaskDefinition, WorkflowDefinition } from '../machines/events/definition.ts';
export { type Correlation, type Envelope, type Severity, severities } from '../machines/events/envelope.ts';
export { type Namespace, namespaceOf, namespaces } from '../machines/events/namespace.ts';
export type { CircuitOptions, PoolOptions } from '../machines/events/provider.ts';
export { type ErrorCode, errorCodes, type Failure } from '../machines/failures.ts';
export { healthMonitorMachine } from '../machines/health-monitor.ts';
export { methodRouterMachine } from '../machines/method-router.ts';
export { metricsCollectorMachine } from '../machines/metrics-collector.ts';
export { type AlertRule, defaultAlertRules } from '../machines/policies/alert-rules.ts';
export { poolMachine } from '../machines/pool.ts';
export { providerMachine } from '../machines/provider.ts';
export { queueMachine } from '../machines/queue.ts';
export { retryManagerMachine } from '../machines/retry-manager.ts';
export { schedulerMachine } from '../machines/scheduler.ts';
export { systemMachine } from '../machines/system.ts';
export { taskMachine } from '../machines/task.ts';
export { workerMachine } from '../machines/worker.ts';
export { workflowMachine } from '../machines/workflow.ts';
export { serveControl } from './control/serve.ts';
export type { ControlServer, ServeOptions } from './control/server.ts';
export { GleitzeitError, type Issue } from './errors.ts';
export type { DamagedEnd, DamagedUnits, Journal, ListOptions, Opened, ReadOptions, Retention, WorkflowHead } from './journal/journal.ts';
export { type MemoryJournalOptions, memoryJournal } from './journal/memory.ts';
export {
  type BackupOptions,
  backupJournal,
  type JournalBackup,
  type JournalRestore,
  type RestoreOptions,
  restoreJournal,
} from './journal/sqlite/backup.ts';
export { checkJournal, type JournalCheck } from './journal/sqlite/check.ts';
export type { Damage } from './journal/sqlite/faults.ts';
export type { JournalRepair, LostFacts, RepairOptions } from './journal/sqlite/repair.ts';
export type { LostRange } from './journal/sqlite/salvage.ts';
export { type SqliteJournalOptions, sqliteJournal } from './journal/sqlite.ts';
export type { EventFilter } from './observe/event-filter.ts';
export { type Explanation, type Reason, renderExplanation, type TaskExplanation } from './observe/explain.ts';
export type { Inspection, InspectOptions } from './observe/inspector.ts';
export type { Figures, MetricsReading } from './observe/metrics.ts';
export { emitCorrelated, eventsByComponent, eventsByCorrelationId, eventsBySeverity, timeline } from './observe/selections.ts';
export { renderTrace, type Trace, type TraceNode } from './observe/trace.ts';
export { type BuiltinOptions, builtinProviders } from './providers/builtin.ts';
export type { HttpOptions } from './providers/http.ts';
export { loadProviders } from './providers/load.ts';
export {
  type AnyProvider,
  type AttemptCall,
  defineProvider,
  type MethodsOf,
  type ParamsOf,
  type ProviderDefinition,
  type ResultOf,
} from './providers/provider.ts';
export { defineThreadProvider } from './providers/worker-threads.ts';
export type { Gleitzeit } from './runtime/api.ts';
export type { Instant } from './runtime/instant.ts';
export { repairJournal } from './runtime/journal-repair.ts';
export type { StartOptions, SubmitOptions, SystemOptions } from './runtime/options.ts';
export type { ErrorInfo, TaskResult, WorkflowResult } from './runtime/result.ts';
export type { Run } from './runtime/run.ts';
export type { ScheduleOptions, ScheduleStatus } from './runtime/schedules.ts';
export type { StopOptions } from './runtime/shutdown.ts';
export type { TaskStatus, WorkflowStatus } from './runtime/status.ts';
export { createSystem, type GleitzeitSystem } from './runtime/system.ts';
export type { SystemView } from './runtime/view.ts';
export type { SecretsOptions } from './secrets/secrets.ts';
export type { Clock, Timer } from './system/clock.ts';
export type { StorageFault } from './system/storage-hold.ts';
export { defineWorkflow } from './workflow/define.ts';
export type { ErrorValue, Jsonified } from './workflow/jsonified.ts';
export { loadWorkflow, parseWorkflow } from './workflow/load.ts';
export { optional } from './workflow/ref.ts';
export type { Workflow } from './workflow/workflow.ts';
