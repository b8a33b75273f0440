import { askAddress } from './ask.tsx'
import type { Column, Data, Point } from './boardtypes.ts'
import { show } from './cells.ts'
import { decimal, type Key, t, tn } from './i18n.ts'
import { Written, type Value } from './numbers.ts'
import { useSession } from './session.ts'

// written is a value of a figure: a number in the groups of the language, all else as it is.
export function written(v: Value, unit?: string): string {
  if (v === null || v === undefined) return '–'
  const text = typeof v === 'number' ? decimal(String(v)) : v instanceof Written ? decimal(v.text) : String(v)
  return unit ? `${text} ${unit}` : text
}

// asking is the link to the records of a question of d. It is asked in the zone of d, since elsewhere its days are others, and as of its instant, since later
// they are others too.
function asking(d: Data, jql: string): string {
  return askAddress({ jql, indexes: d.question.indexes, zone: d.question.time_zone, asOf: d.question.as_of })
}

// behind is the link to the records of a figure, or nothing where no question finds them.
export function behind(d: Data, jql: string): string {
  return jql ? asking(d, jql) : ''
}

// behindPoint is the link to the records of a point.
export function behindPoint(d: Data, p: Point): string {
  return p.all ? asking(d, p.jql) : behind(d, p.jql)
}

// Figures are what a gadget shows, in words and figures: a table that anybody can read, each figure a link to the records behind it.
export function Figures(p: { d: Data }) {
  const { d } = p
  if (d.type === 'table' && d.series.length === 0) return <Records d={d} />
  if (d.type === 'stat') return <Stat d={d} />
  return d.series.length > 1 ? <Matrix d={d} /> : <Bars d={d} />
}

function Value(p: { d: Data; point: Point | undefined }) {
  if (!p.point) return <>–</>
  const text = written(p.point.value, p.d.unit)
  const to = behindPoint(p.d, p.point)
  return to ? <a href={to}>{text}</a> : <>{text}</>
}

function Stat(p: { d: Data }) {
  const { d } = p
  const point = d.series[0]?.points[0]
  const { previous } = d
  const change = previous?.change
  const up = change !== null && change !== undefined && Number(String(change)) > 0
  const down = change !== null && change !== undefined && Number(String(change)) < 0
  return (
    <div class="stat">
      <p class="big"><Value d={d} point={point} /></p>
      {previous && (
        <p>
          {change !== null && change !== undefined && <b>{up ? '▲ ' : down ? '▼ ' : ''}{written(change, d.unit)}{previous.change_percent !== null && ` (${decimal(previous.change_percent.toFixed(1))} %)`}</b>}{' '}
          <span class="quiet">{t('figure.before')} <a href={behind(d, previous.jql)}>{written(previous.points[0]?.value ?? previous.total, d.unit)}</a></span>
        </p>
      )}
    </div>
  )
}

const metrics = ['sum', 'avg', 'min', 'max', 'cardinality', 'percentile']

// measured says what the values of a column are.
function measured(c: Column | undefined): string {
  if (!c) return ''
  const op = c.name.split('(')[0] ?? ''
  if (c.of === undefined) return c.name === 'count' ? t('measure.count') : c.label
  return metrics.includes(op) ? t(`measure.${op}` as Key, { of: c.of, percent: decimal(String(c.percent ?? '')) }) : c.label
}

function Bars(p: { d: Data }) {
  const { d } = p
  const points = d.series[0]?.points ?? []
  const before = d.previous?.points
  const size = (v: Value) => typeof v === 'number' || v instanceof Written ? Number(String(v)) : 0
  const most = Math.max(...points.map((o) => size(o.value)), 0)
  return (
    <table class="figures">
      <caption class="offscreen">{d.title}</caption>
      <thead><tr><th scope="col">{d.columns[0]?.label}</th><th scope="col" class="number">{measured(d.columns[d.columns.length - 1])}</th>{before && <th scope="col" class="number">{t('figure.previous')}</th>}</tr></thead>
      <tbody>
        {points.map((o, i) => (
          <tr key={i}>
            <th scope="row" dir="auto">{o.label || t('figure.none')}
              {most > 0 && size(o.value) > 0 && <span class="measure" aria-hidden="true"><span style={{ width: `${100 * size(o.value) / most}%` }} /></span>}
            </th>
            <td class="number"><Value d={d} point={o} />{o.percent !== undefined && <span class="quiet"> {decimal(o.percent.toFixed(1))} %</span>}</td>
            {before && <td class="number"><Value d={d} point={before[i]} /> <span class="quiet">{before[i]?.label}</span></td>}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Matrix(p: { d: Data }) {
  const { d } = p
  const points = d.series[0]?.points ?? [] // every series has one in each of their places
  return (
    <table class="figures">
      <caption class="offscreen">{d.title}</caption>
      <thead><tr><th scope="col">{d.columns[0]?.label}</th>{d.series.map((s, i) => <th key={i} scope="col" class="number" dir="auto">{s.label || t('figure.none')}</th>)}</tr></thead>
      <tbody>
        {points.map((o, n) => (
          <tr key={n}><th scope="row" dir="auto">{o.label || t('figure.none')}</th>{d.series.map((s, i) => <td key={i} class="number"><Value d={d} point={s.points[n]} /></td>)}</tr>
        ))}
      </tbody>
    </table>
  )
}

function Records(p: { d: Data }) {
  const { d } = p
  return (
    <table class="figures">
      <caption class="offscreen">{d.title}</caption>
      <thead><tr>{d.columns.map((c) => <th key={c.name} scope="col" class={c.kind === 'number' ? 'number' : ''}>{c.label}</th>)}</tr></thead>
      <tbody>
        {d.records.map((r) => (
          <tr key={r.index + r.id}>{d.columns.map((c) => <td key={c.name} dir="auto" class={c.kind === 'number' ? 'number' : ''}>{show(r.fields[c.name], c.kind, d.question.time_zone)}</td>)}</tr>
        ))}
      </tbody>
    </table>
  )
}

// Rest says what the figures leave out, and of what they are.
export function Rest(p: { d: Data; drawn?: boolean }) {
  const { d } = p
  const { me } = useSession()
  const link = (jql: string, text: string) => jql ? <a href={behind(d, jql)}>{text}</a> : <>{text}</>
  return (
    <div class="rest">
      {d.warnings.map((w) => <p key={w} class="warning">{w}</p>)}
      {d.others && !(p.drawn && d.others.jql === '') && <p>{link(d.others.jql, tn('figure.others', d.others.buckets, { records: tn('records', d.others.count) }))}</p>}
      {d.missing && <p>{link(d.missing.jql, t('figure.missing', { records: tn('records', d.missing.count) }))}</p>}
      {me.permissions.includes('view') && <p><a href={asking(d, d.question.jql)}>{t(d.records.length > 0 && d.records.length < d.total ? 'figure.first' : 'figure.of', { n: d.records.length, records: tn('records', d.total) })}</a></p>}
    </div>
  )
}
