// Who the caller is. Both pages ask this first.
import { graphql, type ResultOf } from '../graphql';

export const ViewerQuery = graphql(`
  query Viewer { viewer { name role scopes purpose seesWholeNumbers } }
`);

export type Viewer = ResultOf<typeof ViewerQuery>['viewer'];
export type Role = Viewer['role'];
export type Scope = Viewer['scopes'][number];
