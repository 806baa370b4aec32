/** How many files and connections this process may have open, and how many of them connections of the hub may take. */
import { readFileSync } from 'node:fs';

/** Kept for the journal, commands and their pipes, requests, and files: a part of all, within bounds. */
const reserve = { part: 1 / 4, least: 64, most: 1_024 } as const;
/** Connections that a hub takes in any case. */
const leastConnections = 8;

/** Descriptors that the operating system lets this process have; infinite where it does not say, or there is no such limit. */
export function descriptorLimit(): number {
  if (process.platform === 'win32') return Number.POSITIVE_INFINITY;
  return process.platform === 'linux' ? limitIn(procLimits()) : reportedLimit();
}

/** Connections at most. */
export function connectionsWithin(descriptors: number): number {
  const kept = Math.min(reserve.most, Math.max(reserve.least, Math.ceil(descriptors * reserve.part)));
  return Math.max(leastConnections, descriptors - kept);
}

function procLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}

function limitIn(text: string): number {
  const [, soft] = /^Max open files +(\d+)/m.exec(text) ?? [];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** From the report of Node on this process, which it takes some milliseconds to write. */
function reportedLimit(): number {
  const { userLimits } = process.report.getReport() as { readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
