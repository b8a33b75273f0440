import { Written, type Value } from './numbers.ts'

const instants = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(\.\d+)?)?(?:Z|[-+]\d\d:?\d\d)$/

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string): Intl.DateTimeFormat {
  let f = formats.get(zone)
  if (!f) {
    f = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
    })
    formats.set(zone, f)
  }
  return f
}

// wall writes an instant as the clocks of a zone show it. What is no instant, such as a mere date, is as it is written.
function wall(text: string, zone: string): string {
  const m = instants.exec(text)
  const at = new Date(text)
  if (!m || Number.isNaN(at.getTime())) return text
  const p: Record<string, string> = {}
  for (const { type, value } of format(zone).formatToParts(at)) p[type] = value
  const part = m[1] && /[1-9]/.test(m[1]) ? m[1] : ''
  return `${(p['year'] ?? '').padStart(4, '0')}-${p['month']}-${p['day']} ${p['hour']}:${p['minute']}:${p['second']}${part}`
}

// show writes a value as a cell shows it: several joined by a semicolon, as exports do.
export function show(v: Value | undefined, kind: string, zone: string): string {
  if (v === null || v === undefined) return ''
  if (typeof v === 'string') return kind === 'time' ? wall(v, zone) : v
  if (Array.isArray(v)) return v.map((e) => show(e, kind, zone)).join('; ')
  if (v instanceof Written || typeof v !== 'object') return String(v)
  return Object.entries(v).map(([n, e]) => `${n}: ${show(e, '', zone)}`).join(', ')
}

// isNumber reports whether fields of a kind hold numbers, which stand to the right.
export function isNumber(kind: string): boolean {
  return kind === 'int' || kind === 'uint' || kind === 'float'
}
