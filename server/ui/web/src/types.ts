import type { Complaint } from './api.ts'
import type { Value } from './numbers.ts'

export interface Me {
  user: string
  tenant: string
  roles: string[]
  groups: string[]
  permissions: string[]
  allowed_indexes: string[]
}

export interface Capabilities {
  version: string
  engine: string
  formats: string[]
  storage: string[]
  roles: string[]
  fhir?: FhirOffer
  queues: boolean // whether administrators see those of workers
  limits: { max_results: number; max_window: number; exports?: { max_records?: number; retention_seconds?: number } }
}

export interface IndexInfo {
  name: string
  label: string
}

export interface FieldInfo {
  path: string
  type: string
  kind: string
  label: string
  aliases: string[]
  personal: boolean
  orderable: boolean
  nested?: string
}

export interface RecordInfo {
  id: string
  index: string
  fields: Record<string, Value>
}

export interface RecordsPage {
  records: RecordInfo[]
  total: number | null
  total_is_exact: boolean
  next_page_token?: string
  is_last: boolean
  warnings: Complaint[]
  as_of: string
}

export interface Validation {
  valid: boolean
  canonical: string
  errors: Complaint[]
  warnings: Complaint[]
}

export type Level = 'read' | 'write' | 'admin' | 'owner'

export interface Share {
  type: 'user' | 'group' | 'public'
  id?: string
  permission: Level
}

export interface Filter {
  id: string
  name: string
  description: string
  jql: string
  allowed_indexes: string[] | null
  owner: string
  share_permissions: Share[] | null
  permission: Level
  favourite: boolean
  created_at: string
  updated_at: string
  version: number
}

export interface FilterList {
  filters: Filter[]
  total: number
  is_last: boolean
}

export interface ExportFile {
  number: number
  name: string
  size: number
  rows: number
  sha256: string
  media_type: string
}

export interface Export {
  id: string
  user_id: string
  status: 'initiated' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired'
  jql: string
  allowed_indexes?: string[]
  format: string
  options: { title?: string }
  phase: string
  total_records?: number
  processed_records: number
  progress: number
  eta?: string
  bytes_written: number
  truncated: boolean
  truncated_reason?: string
  files: ExportFile[]
  warnings?: Complaint[] | null
  error?: { code: string; message: string } | null
  created_at: string
  completed_at?: string
  expires_at?: string
}

export interface AuditEntry {
  seq: number
  time: string
  user: string
  action: string
  object: string
  address?: string
  count?: number
  detail?: Record<string, string>
}

export interface FhirOffer {
  types: { type: string; patients: boolean }[]
  groups: boolean
  retention_seconds: number
}

export interface FhirExport {
  id: string
  user_id: string
  status: Exclude<Export['status'], 'cancelled'>
  level: 'system' | 'patient' | 'group'
  group?: string
  types: string[]
  since?: string
  until?: string
  elements?: string[]
  filters?: string[]
  patients?: number
  progress: number
  doing: string
  resources: number
  deletions: number
  unmappable: number
  files: number
  bytes: number
  error?: { code: string; message: string; transient: boolean }
  created_at: string
  completed_at?: string
  expires_at?: string
}
