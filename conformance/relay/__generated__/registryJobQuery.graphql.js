/**
 * @generated SignedSource<<d9585fdf51975eeae44baf6ac7b02b8f>>
 * @lightSyntaxTransform
 */

/* eslint-disable */

'use strict';

var node = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "id"
  }
],
v1 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "id",
        "variableName": "id"
      }
    ],
    "concreteType": "ValidationJob",
    "kind": "LinkedField",
    "name": "validationJob",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "id",
        "storageKey": null
      },
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "status",
        "storageKey": null
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "registryJobQuery",
    "selections": (v1/*:: as any*/),
    "type": "Query",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "registryJobQuery",
    "selections": (v1/*:: as any*/)
  },
  "params": {
    "cacheID": "d5bb309932eda6e35bb248b59893f9f0",
    "id": null,
    "metadata": {},
    "name": "registryJobQuery",
    "operationKind": "query",
    "text": "query registryJobQuery(\n  $id: ID!\n) {\n  validationJob(id: $id) {\n    id\n    status\n  }\n}\n"
  }
};
})();

node.hash = "bdf81a99ffa83d1ab8e615351a5568cd";

module.exports = node;
