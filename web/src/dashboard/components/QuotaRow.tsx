import type { Quota } from '../data/fleetOperations';
import { budgetPart, budgetText, isSlowed, rateText } from '../data/fleetState';
import { count } from '../format';
import { Progress } from './Charts';

/** What may be asked with one credential, and how much of it is used. */
export function QuotaRow({ quota }: { quota: Quota }) {
  const part = budgetPart(quota);
  return (
    <div className="quota" data-testid="quota" data-credential={quota.credential} data-spent={quota.spentToday}>
      <span className="quota-name" title="The name of the credential">{quota.credential}</span>
      <span className={isSlowed(quota) ? 'text-warn' : ''}>{rateText(quota)}</span>
      {quota.concurrency !== null && <span>{count(quota.concurrency)} at once</span>}
      <span>{budgetText(quota)}</span>
      {part !== null && (
        <Progress
          label={`Budget of ${quota.credential} today`}
          total={1}
          processed={part}
          succeeded={part < 1 ? part : 0}
          failed={part < 1 ? 0 : 1}
          active={false}
          thin
        />
      )}
    </div>
  );
}
