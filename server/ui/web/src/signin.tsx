import { useState } from 'preact/hooks'
import { signIn, token } from './api.ts'
import { t } from './i18n.ts'
import { Field } from './parts.tsx'

// SignIn asks for a token.
export function SignIn() {
  const [text, setText] = useState('')
  const tried = token.get() !== ''
  return (
    <div class="signin">
      <h1>{t('signin.title')}</h1>
      <p>{t('signin.text')}</p>
      {tried && <p class="failure" role="alert">{t('signin.refused')}</p>}
      <form onSubmit={(e) => { e.preventDefault(); signIn(text.trim()) }}>
        <Field label={t('signin.token')} help={t('signin.kept')}>
          {(id, d) => <input id={id} aria-describedby={d} type="password" autocomplete="off" spellcheck={false} required value={text} onInput={(e) => setText(e.currentTarget.value)} />}
        </Field>
        <p><button type="submit" class="main" disabled={text.trim() === ''}>{t('signin.go')}</button></p>
      </form>
    </div>
  )
}
