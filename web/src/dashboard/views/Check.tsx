import { Card } from '../components/Bits';
import { NumberBox } from '../components/NumberBox';

export function Check() {
  return (
    <>
      <div className="page-head">
        <h1>Check a number</h1>
      </div>
      <Card title="What the numbering rules make of it">
        <NumberBox full />
      </Card>
    </>
  );
}
