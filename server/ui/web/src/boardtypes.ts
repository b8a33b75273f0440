import type { Value } from './numbers.ts'
import type { Level, Share } from './types.ts'

export interface Position { row: number; col: number; width: number; height: number }

export interface Config {
  group_by?: string
  split_by?: string
  metric?: string
  metric_field?: string
  percentile?: number
  interval?: string
  limit?: number
  sort?: string
  columns?: string[]
  time_zone?: string
  compare?: string
}

export const gadgetTypes = ['stat', 'bar-chart', 'line-chart', 'pie-chart', 'table'] as const

export type GadgetType = typeof gadgetTypes[number]

export interface Gadget {
  id: string
  type: GadgetType
  title: string
  filter_id: string
  config: Config
  position: Position
  version: number
}

export interface BoardInfo {
  id: string
  name: string
  description: string
  owner: string
  share_permissions: Share[] | null
  permission: Level
  favourite: boolean
  gadget_count: number
  updated_at: string
  version: number
}

export interface Board extends BoardInfo {
  gadgets: Gadget[]
}

export interface BoardList { dashboards: BoardInfo[]; total: number; is_last: boolean }

export interface Point { key: Value; label: string; value: Value; count: number; jql: string; all?: boolean; percent?: number; open?: boolean }

// Column is one kind of what is shown; of a metric, with what is measured.
export interface Column { name: string; label: string; kind: 'time' | 'text' | 'number'; of?: string; percent?: number }

export interface Data {
  gadget_id: string
  type: GadgetType
  title: string
  question: { filter_id: string; jql: string; indexes: string[]; as_of: string; time_zone: string }
  unit?: string
  total: number
  columns: Column[]
  series: { key: Value; label: string; points: Point[] }[]
  records: { id: string; index: string; fields: Record<string, Value> }[]
  missing: { count: number; jql: string } | null
  others: { count: number; buckets: number; value: Value; jql: string; percent?: number } | null
  previous: { from: string; to: string; jql: string; total: number; points: Point[]; change: Value; change_percent: number | null } | null
  warnings: string[]
  error: { code: string; message: string } | null
}

export function boardPath(id: string): string {
  return `v1/dashboards/${encodeURIComponent(id)}`
}
