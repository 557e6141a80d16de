package audit

func child() {}
