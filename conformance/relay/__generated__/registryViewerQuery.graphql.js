/**
 * @generated SignedSource<<16c138935ff5a9527341a2ec7527415b>>
 * @lightSyntaxTransform
 */

/* eslint-disable */

'use strict';

var node = (function(){
var v0 = [
  {
    "alias": null,
    "args": null,
    "concreteType": "Viewer",
    "kind": "LinkedField",
    "name": "viewer",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "role",
        "storageKey": null
      },
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "seesWholeNumbers",
        "storageKey": null
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": [],
    "kind": "Fragment",
    "metadata": null,
    "name": "registryViewerQuery",
    "selections": (v0/*:: as any*/),
    "type": "Query",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": [],
    "kind": "Operation",
    "name": "registryViewerQuery",
    "selections": (v0/*:: as any*/)
  },
  "params": {
    "cacheID": "891f2d46bb282c1a2f4e592e413f9d0c",
    "id": null,
    "metadata": {},
    "name": "registryViewerQuery",
    "operationKind": "query",
    "text": "query registryViewerQuery {\n  viewer {\n    role\n    seesWholeNumbers\n  }\n}\n"
  }
};
})();

node.hash = "65c7206e137414dc0e8048aec8dc384e";

module.exports = node;
