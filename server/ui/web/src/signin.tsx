import { useState } from 'preact/hooks'
import { failure, granted, issuer, oidc, signIn, token } from './bearer.ts'
import { t } from './i18n.ts'
import { enter } from './issuer.ts'
import { Field } from './parts.tsx'
import { useSignal } from './signal.ts'

// SignIn has somebody sign in at the issuer, if there is one, or asks for a token.
export function SignIn() {
  const failed = useSignal(failure)
  const [busy, setBusy] = useState(false)
  const why = failed ? t(failed.key, { issuer, ...failed.values }) : refusal()
  return (
    <div class="signin">
      <h1>{t('signin.title')}</h1>
      <p>{oidc ? t('oidc.text', { issuer }) : t('signin.text')}</p>
      {why && <p class="failure" role="alert">{why}</p>}
      {oidc ? (
        <>
          <p><button type="button" class="main" disabled={busy} onClick={() => { setBusy(true); void enter().finally(() => setBusy(false)) }}>{t('oidc.go', { issuer })}</button></p>
          <details open={token.get() !== '' && !granted()}><summary>{t('oidc.token')}</summary><Token minor /></details>
        </>
      ) : <Token />}
    </div>
  )
}

// refusal is why the server does not take what somebody has signed in with.
function refusal(): string {
  const by = granted()
  if (token.get() === '') return ''
  if (!by) return t('signin.refused')
  return by.until !== undefined && Date.now() >= by.until ? t('oidc.ended') : t('oidc.refused', { issuer })
}

function Token(p: { minor?: boolean }) {
  const [text, setText] = useState('')
  return (
    <form onSubmit={(e) => { e.preventDefault(); signIn(text.trim()) }}>
      <Field label={t('signin.token')} help={t('signin.kept')}>
        {(id, d) => <input id={id} aria-describedby={d} type="password" autocomplete="off" spellcheck={false} required value={text} onInput={(e) => setText(e.currentTarget.value)} />}
      </Field>
      <p><button type="submit" class={p.minor ? '' : 'main'} disabled={text.trim() === ''}>{t('signin.go')}</button></p>
    </form>
  )
}
