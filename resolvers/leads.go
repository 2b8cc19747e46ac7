package resolvers

import (
	"context"

	"phoneregistry/graph/model"
	"phoneregistry/internal/live"
	"phoneregistry/registry"
)

// Leads pages through the scores, best first.
func (q query) Leads(ctx context.Context, filter *registry.LeadFilter, first *int, after *string) (*model.LeadScoreConnection, error) {
	f, l := deref(filter), q.list("leads")
	request, err := l.page(first, after)
	if err == nil {
		err = q.guessAll(ctx, f.Numbers)
	}
	if err != nil {
		return nil, err
	}
	request.Fields = asked(ctx, "LeadScore")
	page, err := q.service.Leads(ctx, f, request)
	if err != nil {
		return nil, err
	}
	_, nodes := model.NewLeadScores(page.Items)
	return &model.LeadScoreConnection{Connection: connect(l, page, nodes, request, func(ctx context.Context) (int64, error) {
		return q.service.CountLeads(ctx, f)
	})}, nil
}

// Phone is the row of the number in the registry.
func (r leadScore) Phone(ctx context.Context, obj *model.LeadScore) (*model.Phone, error) {
	scores := obj.Siblings
	set, err := scores.Phones.Get(func() (*model.Phones, error) {
		phones, err := r.loadPhones(ctx, scores.Numbers)
		if err != nil {
			return nil, err
		}
		phones.Evidence = scores.Evidence
		_, err = phones.Scores.Get(func() (*model.LeadScores, error) { return scores, nil })
		return phones, err
	})
	return inSet(set, err, obj.Number)
}

// Components explains a score by the evidence on its number.
func (r leadScore) Components(ctx context.Context, obj *model.LeadScore) ([]model.ScoreComponent, error) {
	evidence, err := r.evidence(ctx, obj.Siblings.Evidence, obj.Siblings.Numbers)
	if err != nil {
		return nil, err
	}
	return wrap(r.service.Explain(obj.LeadScore, evidence[obj.Number]), func(c registry.Component) model.ScoreComponent {
		return model.ScoreComponent{Component: c}
	}), nil
}

// History pages through the earlier scores of a number, newest first.
func (r leadScore) History(ctx context.Context, obj *model.LeadScore, first *int, after *string,
) (*model.LeadScoreHistoryConnection, error) {
	history := nested[registry.Number, registry.ScoreRecord, *registry.ScoreRecord]{
		pages: &obj.Siblings.History, keys: obj.Siblings.Numbers, what: "LeadScoreHistoryEntry", load: r.service.ScoreHistory, count: r.service.CountScoreHistory,
		list:  func(n registry.Number) list { return r.list("history/" + r.codec.Int(model.KindPhone, int64(n))) },
		nodes: each(func(s registry.ScoreRecord) *registry.ScoreRecord { return &s }),
	}
	page, err := history.of(ctx, obj.Number, first, after)
	return &model.LeadScoreHistoryConnection{Connection: page}, err
}

// LeadScoreChanged sends scores as they change.
func (s subscription) LeadScoreChanged(ctx context.Context, filter *registry.LeadFilter) (<-chan *model.LeadScore, error) {
	f := deref(filter)
	if err := s.guessAll(ctx, f.Numbers); err != nil {
		return nil, err
	}
	changes, err := s.live.LeadScores(ctx, f)
	if err != nil {
		return nil, err
	}
	scores := make(chan *model.LeadScore)
	go func() {
		defer close(scores)
		for change := range changes {
			select {
			case scores <- s.changedLead(change):
			case <-ctx.Done(): // changes is closed too; what is left in it is of no use
			}
		}
	}()
	return scores, nil
}

func (r *Resolver) changedLead(change live.LeadChange) *model.LeadScore {
	scores, all := model.NewLeadScores([]registry.LeadScore{change.Score})
	phones, _ := model.NewPhones(r.codec, []registry.Phone{change.Phone})
	phones.Evidence = scores.Evidence
	scores.Join(phones)
	return all[0]
}

// Platforms lists the platforms.
func (q query) Platforms(ctx context.Context) ([]model.PlatformInfo, error) {
	siblings := &model.PlatformInfos{}
	return wrap(q.service.Platforms(ctx), func(p registry.PlatformInfo) model.PlatformInfo {
		return model.PlatformInfo{PlatformInfo: p, Siblings: siblings}
	}), nil
}
