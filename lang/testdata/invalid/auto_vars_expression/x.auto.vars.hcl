a = var.b # error: evaluate
