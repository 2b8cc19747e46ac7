import { initGraphQLTada } from 'gql.tada';
import type { introspection } from '../graphql-env.d.ts';

/** Operations checked and typed against schema.graphqls. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: {
    Duration: string;
    E164: string;
    Int64: number;
    JSON: unknown;
    Time: string;
  };
}>();

export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada';
