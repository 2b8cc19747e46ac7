import { useId, useState, type SyntheticEvent } from 'react';
import { session } from './current';
import { cleanToken } from './session';
import './signin.css';

/** The form for pasting a token; what both pages show to somebody who is not signed in. */
export function SignIn({ notice, page }: { notice: string | null; page: string }) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState(false);
  const field = useId();
  const help = useId();

  function submit(event: SyntheticEvent) {
    event.preventDefault();
    const token = cleanToken(text);
    setWrong(token === null);
    if (token !== null) session.signIn(token);
  }

  return (
    <main className="signin">
      <form className="signin-card" onSubmit={submit} data-testid="sign-in">
        <img src="/favicon.svg" alt="" width="40" height="40" />
        <h1>Sign in to {page}</h1>
        <p className="signin-help" id={help}>
          Paste an API token. The server prints one with the address when it starts.
        </p>
        {notice && (
          <p className="signin-notice" role="alert" data-testid="sign-in-notice">
            {notice}
          </p>
        )}
        <label htmlFor={field}>Token</label>
        <input
          id={field}
          type="password"
          value={text}
          onChange={(event) => setText(event.target.value)}
          autoComplete="off"
          spellCheck={false}
          aria-describedby={help}
          aria-invalid={wrong}
          data-testid="sign-in-token"
        />
        {wrong && (
          <p className="signin-notice" role="alert">
            That is no token: it has no spaces and only plain characters.
          </p>
        )}
        <button type="submit" data-testid="sign-in-submit">
          Sign in
        </button>
        <p className="signin-foot">Kept in this tab only, and gone when you close it.</p>
      </form>
    </main>
  );
}
