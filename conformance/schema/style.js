// The style of the schema: every rule of graphql-eslint for schemas, and those for Relay. What is switched off or
// narrowed says why.
import graphql from '@graphql-eslint/eslint-plugin';
import { ESLint } from 'eslint';
import { dirname, basename } from 'node:path';

// Types that are parts or totals of something else, or the caller: there is nothing to ask again by an id. A type that
// is new has an id, or is added here.
const withoutId = [
  'CustomerPhone',
  'ImportProgress',
  'ImportRejections',
  'LeadScore',
  'LeadScoreHistoryEntry',
  'LineTypeCount',
  'NormalizedPhone',
  'PageInfo',
  'PhoneConditions',
  'PlatformInfo',
  'PlatformProgress',
  'PlatformQuota',
  'PlatformValidation',
  'PlatformWorker',
  'QuarantineEntry',
  'RegionCount',
  'RegistryStats',
  'ScoreComponent',
  'SkippedNumber',
  'Source',
  'TierCount',
  'UserError',
  'ValidationFailure',
  'ValidationJobProgress',
  'Viewer',
  'Worker',
  'WorkerPlatform',
];

const narrowed = {
  // The order is for readers: what matters most comes first, `first` before `after`, LOW before HIGH.
  alphabetize: 'off',
  'description-style': ['error', { style: 'inline' }],
  // There are mutations and subscriptions.
  'no-root-type': 'off',
  // Lists are read forwards.
  'relay-arguments': ['error', { includeBoth: false }],
  // Connections have `nodes` beside `edges`, short lists are plain, and not everything in a page has an id.
  'relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
  // Everything is described, down to arguments and enum values.
  'require-description': [
    'error',
    {
      types: true,
      rootField: true,
      DirectiveDefinition: true,
      EnumValueDefinition: true,
      FieldDefinition: true,
      InputValueDefinition: true,
    },
  ],
  // A mutation answers with what it changed. What it costs, and who may ask, is known without what is read after it.
  'require-field-of-type-query-in-mutation-result': 'off',
  // A list without entries is a page without entries, never null.
  'require-nullable-result-in-root': 'off',
  'strict-id-in-types': [
    'error',
    {
      acceptedIdNames: ['id'],
      acceptedIdTypes: ['ID'],
      exceptions: { suffixes: ['Connection', 'Edge', 'Payload'], types: withoutId },
    },
  ],
};

export function rules() {
  const own = Object.entries(narrowed).map(([name, setting]) => [`@graphql-eslint/${name}`, setting]);
  return {
    ...graphql.configs['flat/schema-all'].rules,
    ...graphql.configs['flat/schema-relay'].rules,
    ...Object.fromEntries(own),
  };
}

// faultsOfStyle returns a line for each place of the schema in this file that breaks a rule.
export async function faultsOfStyle(file) {
  const eslint = new ESLint({
    cwd: dirname(file),
    overrideConfigFile: true,
    overrideConfig: [
      {
        files: ['**/*.graphqls'],
        languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: file } } },
        linterOptions: { reportUnusedDisableDirectives: 'error' },
        plugins: { '@graphql-eslint': graphql },
        rules: rules(),
      },
    ],
  });
  const results = await eslint.lintFiles([basename(file)]);
  return results.flatMap(({ messages }) =>
    messages.map(({ line, column, ruleId, message }) => `${basename(file)}:${line}:${column} ${flat(message)} (${ruleId})`),
  );
}

function flat(text) {
  return text.split('\n').join(' ');
}
