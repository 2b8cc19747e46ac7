import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { session } from '../shared/current';
import { SignIn } from '../shared/SignIn';
import { useStore } from '../shared/store';
import { App } from './App';
import '../shared/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/views.css';
import './styles/engine.css';
import './styles/access.css';

function Page() {
  const { token, notice } = useStore(session.store);
  if (token === null) return <SignIn page="phoneregistry" notice={notice} />;
  // The key starts everything anew for another caller.
  return <App key={token} />;
}

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  );
}
