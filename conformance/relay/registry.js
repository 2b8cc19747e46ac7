// What the checks of Relay ask, as an application has it in its components. relay-compiler reads this file and writes
// __generated__/; nothing runs it, for the tag is what a bundler's plugin replaces by an import of those files.
const { graphql } = require('relay-runtime');

exports.phones = graphql`
  query registryPhonesQuery($filter: PhoneFilter, $first: Int, $after: String) {
    ...registryPhones_query @arguments(filter: $filter, first: $first, after: $after)
  }
`;

exports.page = graphql`
  fragment registryPhones_query on Query
  @argumentDefinitions(filter: { type: "PhoneFilter" }, first: { type: "Int" }, after: { type: "String" })
  @refetchable(queryName: "registryPhonesPageQuery") {
    phones(filter: $filter, first: $first, after: $after) @connection(key: "registry_phones", filters: ["filter"]) {
      edges {
        node {
          id
          number
          region
        }
      }
    }
  }
`;

exports.phone = graphql`
  fragment registryPhone_phone on Phone @refetchable(queryName: "registryPhoneRefetchQuery") {
    id
    number
    lineType
    location
  }
`;

exports.add = graphql`
  mutation registryAddPhoneMutation($input: AddPhoneInput!) {
    addPhone(input: $input) {
      created
      phone {
        id
        number
        region
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`;

exports.keys = graphql`
  query registryKeysQuery {
    apiKeys(first: 1) {
      totalCount
    }
  }
`;

exports.viewer = graphql`
  query registryViewerQuery {
    viewer {
      role
      seesWholeNumbers
    }
  }
`;

exports.job = graphql`
  query registryJobQuery($id: ID!) {
    validationJob(id: $id) {
      id
      status
    }
  }
`;

exports.progress = graphql`
  subscription registryProgressSubscription($id: ID!) {
    validationJobProgress(id: $id) {
      sequence
      status
      job {
        id
        status
      }
    }
  }
`;
