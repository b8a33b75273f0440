// A Written is a number as it is written where JavaScript's would be another, or be written otherwise.
export class Written {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text
  }
}

// A Value is what a field of a record holds.
export type Value = null | boolean | number | string | Written | Value[] | { [name: string]: Value }

const pieces = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g

// exactly parses JSON as JSON.parse does, but for the numbers that would not come out as they are written, which become Written.
export function exactly(text: string): unknown {
  let any = false
  const marked = text.replace(pieces, (piece) => {
    if (piece[0] === '"' || String(Number(piece)) === piece) return piece
    any = true
    return `{"\\u0000n":"${piece}"}`
  })
  if (!any) return JSON.parse(text) as unknown
  return JSON.parse(marked, (_, v: unknown) => {
    if (typeof v === 'object' && v !== null && '\0n' in v) return new Written(String(v['\0n']))
    return v
  }) as unknown
}

// plain returns a value as JSON text would have it, indented: numbers as they are written.
export function plain(v: Value, indent = ''): string {
  if (v instanceof Written) return v.text
  if (Array.isArray(v)) {
    if (v.length === 0) return '[]'
    return `[\n${v.map((e) => `${indent}  ${plain(e, indent + '  ')}`).join(',\n')}\n${indent}]`
  }
  if (typeof v === 'object' && v !== null) {
    const all = Object.entries(v)
    if (all.length === 0) return '{}'
    return `{\n${all.map(([n, e]) => `${indent}  ${JSON.stringify(n)}: ${plain(e, indent + '  ')}`).join(',\n')}\n${indent}}`
  }
  return JSON.stringify(v)
}
