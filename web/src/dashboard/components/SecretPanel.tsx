import { useRef, useState } from 'react';

/** A secret that is shown this once. It is kept nowhere: not in the address, not in the browser's storage. */
export function SecretPanel({ secret, children }: { secret: string; children: string }) {
  const [copied, setCopied] = useState<'no' | 'yes' | 'by hand'>('no');
  const text = useRef<HTMLElement>(null);

  async function copy() {
    try {
      // Browsers have the clipboard only on HTTPS and on their own machine.
      await navigator.clipboard.writeText(secret);
      setCopied('yes');
    } catch {
      if (text.current) window.getSelection()?.selectAllChildren(text.current);
      setCopied('by hand');
    }
  }

  return (
    <div className="secret" role="status" data-testid="secret">
      <p>{children}</p>
      <div className="secret-row">
        <code ref={text} className="key" data-testid="secret-value">{secret}</code>
        <button type="button" className="button small" onClick={() => void copy()} data-testid="secret-copy" data-copied={copied}>
          {copied === 'yes' ? 'Copied' : 'Copy'}
        </button>
      </div>
      {copied === 'by hand' && <p className="hint">The browser does not let pages copy here. It is selected: copy it with the keyboard.</p>}
    </div>
  );
}
