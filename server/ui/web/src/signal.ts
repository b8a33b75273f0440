import { useEffect, useState } from 'preact/hooks'

// A Signal is a value that components can follow.
export interface Signal<T> {
  get(): T
  set(value: T): void
  // subscribe calls f after each change until the function that it returns is called.
  subscribe(f: () => void): () => void
}

export function signal<T>(value: T): Signal<T> {
  const all = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return
      value = next
      for (const f of [...all]) f()
    },
    subscribe(f) {
      all.add(f)
      return () => all.delete(f)
    },
  }
}

// useSignal returns the value of a signal, and renders the component again when it changes.
export function useSignal<T>(s: Signal<T>): T {
  const [, again] = useState(0)
  useEffect(() => s.subscribe(() => again((n) => n + 1)), [s])
  return s.get()
}
