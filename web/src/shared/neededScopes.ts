// What an operation needs, as the schema's directives say. For tests only: pages do not carry the schema.
import {
  getNamedType,
  isAbstractType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';

/** The scopes that a caller needs to run a document, sorted. */
export function neededScopes(schema: GraphQLSchema, document: DocumentNode): string[] {
  const needed = new Set<string>();
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      Field() {
        const parent = types.getParentType();
        const scope = scopeOf(types.getFieldDef()?.astNode?.directives);
        if (scope !== null) needed.add(scope);
        else if (parent && !isAbstractType(getNamedType(parent))) throw new Error(`${parent.name} has a field without a scope`);
      },
    }),
  );
  return [...needed].sort();
}

type Directives = readonly { name: { value: string }; arguments?: readonly { value: { kind: string; value?: unknown } }[] }[];

function scopeOf(directives: Directives | undefined): string | null {
  const value = directives?.find(({ name }) => name.value === 'access')?.arguments?.[0]?.value.value;
  return typeof value === 'string' ? value : null;
}
