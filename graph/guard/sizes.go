package guard

import "github.com/vektah/gqlparser/v2/ast"

// listSizes is how many entries a list counts for that has no `first`: about as many as it has where much is going on. A
// test sees that no list of the schema is missing; docs/api/limits.md shows them.
func listSizes() map[string]int {
	return map[string]int{
		"Customer.phones":                   10,
		"ImportBatch.rejections":            20,
		"LeadScore.components":              6,
		"Phone.validations":                 6,
		"PlatformInfo.quotas":               5,
		"PlatformInfo.workers":              20,
		"Query.normalizeCell":               10,
		"Query.platforms":                   6,
		"Query.sources":                     20,
		"Query.workers":                     20,
		"RecordEvidencePayload.validations": 100,
		"RegionCount.byLineType":            12,
		"RegistryStats.byLineType":          12,
		"RegistryStats.byRegion":            100,
		"RegistryStats.byTier":              6,
		"StartValidationJobPayload.skipped": 20,
		"ValidationJob.progress":            6,
		"ValidationJobProgress.platforms":   6,
		"Worker.platforms":                  6,
	}
}

// otherSize is for lists that are not in the table.
const otherSize = 5

// weights is what fields cost that are more work than to write a value.
func weights() map[string]int {
	return map[string]int{"Query.registryStats": 50}
}

// totalCount of a connection is counted by a statement of its own.
const (
	totalCount       = "totalCount"
	totalCountWeight = 10
)

// introspectionWeight makes the whole schema cost more than half of what an operation may cost by default: it is read once,
// and not many times over.
const introspectionWeight = 5

// introspectionSizes is how many entries the lists of introspection have: in all, or for each thing that has such a list,
// rounded up.
func introspectionSizes(schema *ast.Schema) map[string]int {
	var types, fields, arguments, inputs, values, directiveArguments int
	for _, def := range schema.Types {
		types++
		values += len(def.EnumValues)
		if def.Kind == ast.InputObject {
			inputs += len(def.Fields)
			continue
		}
		fields += len(def.Fields)
		for _, f := range def.Fields {
			arguments += len(f.Arguments)
		}
	}
	for _, d := range schema.Directives {
		directiveArguments += len(d.Arguments)
	}
	return map[string]int{
		"__Schema.types":       introspectionWeight * types,
		"__Schema.directives":  introspectionWeight * len(schema.Directives),
		"__Type.fields":        perOne(fields, types),
		"__Type.inputFields":   perOne(inputs, types),
		"__Type.enumValues":    perOne(values, types),
		"__Type.interfaces":    1,
		"__Type.possibleTypes": 1,
		"__Field.args":         perOne(arguments, fields),
		"__Directive.args":     perOne(directiveArguments, len(schema.Directives)),
	}
}

func perOne(all, things int) int { return max(1, (all+things-1)/max(1, things)) }

// mostWraps is how often a type of the schema is a list, or can't be null, at the most: 3 for [Phone!]!.
func mostWraps(schema *ast.Schema) (most int) {
	count := func(t *ast.Type) {
		n := 0
		for ; t != nil; t = t.Elem {
			if t.NonNull {
				n++
			}
			if t.Elem != nil {
				n++
			}
		}
		most = max(most, n)
	}
	for _, def := range schema.Types {
		for _, f := range def.Fields {
			count(f.Type)
			for _, a := range f.Arguments {
				count(a.Type)
			}
		}
	}
	for _, d := range schema.Directives {
		for _, a := range d.Arguments {
			count(a.Type)
		}
	}
	return most
}
