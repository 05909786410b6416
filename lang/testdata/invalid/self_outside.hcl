locals {
  a = self.name # error: unknown_reference
}
