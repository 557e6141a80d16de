package predict

import (
	"fmt"
	"sync"

	"github.com/ward-health/ward"
)

// together runs functions at the same time, so that the entries of their reads become durable in one group, and returns the
// first error in their order. A panic of one is an error.
func together(fs ...func() error) error {
	errs := make([]error, len(fs))
	var all sync.WaitGroup
	for i, f := range fs {
		all.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					errs[i] = ward.E(ward.Internal, "predict.together", "a read failed", fmt.Errorf("panic of type %T", r))
				}
			}()
			errs[i] = f()
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
