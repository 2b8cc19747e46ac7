// What the operator wants to know of platforms and workers: no more than functions of what the server said.
import { count, duration, rate } from '../format';
import type { Breaker, Quota, WorkerPlatform } from './fleetOperations';

/** How many numbers a second may be asked: `20/s now, 50/s configured` after the platform has refused. */
export function rateText({ ratePerSecond, currentRate }: Quota): string {
  if (ratePerSecond === null) return currentRate === null ? 'no limit' : `${rate(currentRate)} now`;
  if (currentRate === null || currentRate >= ratePerSecond) return rate(ratePerSecond);
  return `${rate(currentRate)} now, ${rate(ratePerSecond)} configured`;
}

/** Whether less is asked than was configured. */
export const isSlowed = ({ ratePerSecond, currentRate }: Quota) =>
  ratePerSecond !== null && currentRate !== null && currentRate < ratePerSecond;

/** The part of the day's budget that is spent, 0 to 1; null when there is no budget. */
export function budgetPart({ budgetPerDay, spentToday }: Pick<Quota, 'budgetPerDay' | 'spentToday'>): number | null {
  if (budgetPerDay === null) return null;
  return budgetPerDay > 0 ? Math.min(1, spentToday / budgetPerDay) : 1;
}

/** `120 of 1,000 today`, or `120 today` without a budget. */
export function budgetText({ budgetPerDay, spentToday }: Pick<Quota, 'budgetPerDay' | 'spentToday'>): string {
  return budgetPerDay === null ? `${count(spentToday)} today` : `${count(spentToday)} of ${count(budgetPerDay)} today`;
}

/** Why a worker leaves a platform alone or asks it less, and for how long; null when it does neither. */
export function holdText({ heldUntil, reason }: Pick<WorkerPlatform, 'heldUntil' | 'reason'>, now: number): string | null {
  if (heldUntil === null) return reason;
  const seconds = (Date.parse(heldUntil) - now) / 1000;
  const held = seconds > 0 ? `Held for ${duration(seconds)}` : 'About to go on';
  return reason === null ? held : `${held}: ${reason}`;
}

/** `2 s ago`. The server's clock may be ahead of the reader's. */
export const seenText = (time: string, now: number) => {
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds < 1 ? 'now' : `${duration(seconds)} ago`;
};

export const breakerTones: Record<Breaker, string> = { CLOSED: 'ok', HALF_OPEN: 'warn', OPEN: 'danger' };

export const breakerTitles: Record<Breaker, string> = {
  CLOSED: 'The platform is asked as usual.',
  HALF_OPEN: 'A few calls try whether the platform works again.',
  OPEN: 'The platform failed too often and is left alone for a while; its chunks wait.',
};

/** The part of what was checked that got no answer, 0 to 1; null before anything was checked. */
export const failedPart = ({ checked, failed }: Pick<WorkerPlatform, 'checked' | 'failed'>) =>
  checked > 0 ? failed / checked : null;
