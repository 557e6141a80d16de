package policy

import (
	"fmt"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/eval"

	"github.com/ward-health/ward"
)

// The two ends of a question that are not names of anything: policies speak of attributes only.
var (
	principalUID = types.NewEntityUID(principalType, "principal")
	resourceUID  = types.NewEntityUID(resourceType, "record")
)

// Authorize asks Cedar about one record. It must agree with Compile(q).Match(a) for every record, except that an
// evaluation error is an error of Compile whatever the record. An error is a denial.
func (s *Set) Authorize(q Query, a Attributes) (bool, error) {
	record := recordEntity(a)
	env := environment(q, resourceUID, &record)
	decision, diag := cedar.Authorize(s.cedar, env.Entities, cedar.Request{
		Principal: principalUID, Action: actionUID(q.Action), Resource: resourceUID, Context: env.Context.(types.Record),
	})
	if len(diag.Errors) > 0 {
		return false, ward.E(ward.Internal, "policy.authorize", "the policy "+string(diag.Errors[0].PolicyID)+" could not be evaluated",
			fmt.Errorf("%s", diag.Errors[0].Message))
	}
	return decision == cedar.Allow, nil
}

// environment binds principal, action and purpose; resource is a record or the unknown.
func environment(q Query, resource types.Value, record *types.Entity) eval.Env {
	roles := make([]types.Value, len(q.Roles))
	for i, r := range q.Roles {
		roles[i] = types.String(r)
	}
	entities := types.EntityMap{principalUID: types.Entity{UID: principalUID, Attributes: types.NewRecord(types.RecordMap{
		"kind": types.String(q.Kind), "roles": types.NewSet(roles...), "patient": types.String(q.Patient),
	})}}
	if record != nil {
		entities[record.UID] = *record
	}
	return eval.Env{
		Entities: entities, Principal: principalUID, Action: actionUID(q.Action), Resource: resource,
		Context: types.NewRecord(types.RecordMap{"purpose": types.String(q.Purpose)}),
	}
}

func recordEntity(a Attributes) types.Entity {
	labels := make([]types.Value, len(a.Labels))
	for i, l := range a.Labels {
		labels[i] = types.String(l)
	}
	return types.Entity{UID: resourceUID, Attributes: types.NewRecord(types.RecordMap{
		attrType: types.String(a.Type), attrPatient: types.String(a.Patient), attrShared: types.Boolean(a.Patient == ""),
		attrConf: types.Long(a.Conf), attrLabels: types.NewSet(labels...),
	})}
}
