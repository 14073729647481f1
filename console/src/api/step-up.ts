/** Asking for the second factor in the middle of something: one question at a time, however many requests wait for it. */
import { observable } from "./observable";
import { StepUpDeclinedError } from "./problems";

interface StepUpQuestion {
  given(): void;
  declined(): void;
}

/** The question that waits for its answer; the shell shows it. */
export const stepUpQuestion = observable<StepUpQuestion | null>(null);

let waiting: Promise<void> | null = null;

/** Whoever signs in next must not be asked for what somebody else began. */
export function declineFactor(): void {
  stepUpQuestion.get()?.declined();
}

/** Resolves once the factor is fresh. */
export function askForFactor(): Promise<void> {
  waiting ??= new Promise<void>((resolve, reject) => {
    stepUpQuestion.set({ given: resolve, declined: () => reject(new StepUpDeclinedError()) });
  }).finally(() => {
    waiting = null;
    stepUpQuestion.set(null);
  });
  return waiting;
}
