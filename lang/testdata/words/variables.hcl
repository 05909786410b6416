# Values that do not fit the types of their variables.
variable "l" {
  type = list(object({ name = string, port = number }))
  default = [
    { name = "a", port = 1 },
    { name = "b", port = 2 },
    { name = "c", port = "x" }, # says: The variable "l" takes list(object({name = string, port = number})), but [2].port in it is string, not number.
  ]
}
variable "m" {
  type = map(object({ name = string, port = number }))
  default = {
    a = { name = "a", port = 1 },
    b = { name = "c", port = "x" }, # says: The variable "m" takes map(object({name = string, port = number})), but "b.port" in it is string, not number.
  }
}
variable "s" {
  type = set(object({ name = string, port = optional(number, 1) }))
  default = [
    { name = "a" }, { name = "c", port = [] }, # says: The variable "s" takes set(object({name = string, port = optional(number)})), but [1].port in it is list, not number.
  ]
}
variable "t" {
  type    = tuple([string, object({ p = number })])
  default = ["a", { p = "x" }] # says: The variable "t" takes tuple([string, object({p = number})]), but [1].p in it is string, not number.
}
variable "t2" {
  type    = tuple([string, object({ p = number })])
  default = ["a"] # says: The variable "t2" takes tuple([string, object({p = number})]), but this has 1 element.
}
variable "missing" {
  type    = list(object({ name = string, port = number }))
  default = [{ name = "a", port = 1 }, { name = "c" }] # says: The variable "missing" takes list(object({name = string, port = number})), but [1] in it lacks the attribute "port".
}
variable "nested" {
  type    = object({ a = list(map(object({ b = optional(bool) }))) })
  default = { a = [{ k = { b = "perhaps" } }] } # says: The variable "nested" takes object({a = list(map(object({b = optional(bool)})))}), but "a[0].k.b" in it is string, not bool.
}
variable "extra" {
  type    = object({ a = string })
  default = { a = "x", b = "y" }
}
variable "od" {
  type    = object({ a = optional(number, "x") }) # says: The attribute takes number, but this is string.
  default = {}
}
variable "od2" {
  type    = list(object({ a = optional(list(number), ["x"]) })) # says: The attribute takes list(number), but [0] in it is string, not number.
  default = []
}
variable "lst" {
  type    = list(number)
  default = [1, "x"] # says: The variable "lst" takes list(number), but [1] in it is string, not number.
}
variable "lst2" {
  type    = list(string)
  default = { a = 1 } # says: The variable "lst2" takes list(string), but this is object({a = number}).
}
variable "mp" {
  type    = map(string)
  default = ["a"] # says: The variable "mp" takes map(string), but this is list(string).
}
variable "mp2" {
  type    = map(string)
  default = { a = ["b"] } # says: The variable "mp2" takes map(string), but "a" in it is list(string), not string.
}
variable "st" {
  type    = string
  default = ["a"] # says: The variable "st" takes string, but this is list(string).
}
variable "st2" {
  type    = string
  default = { a = 1 } # says: The variable "st2" takes string, but this is object({a = number}).
}
variable "bl" {
  type    = bool
  default = "yes" # says: The variable "bl" takes bool, but this is string.
}
variable "nn" {
  type    = number
  default = "1a" # says: The variable "nn" takes number, but this is string.
}
variable "mixed" {
  type    = list(any)
  default = [1, {}] # says: The variable "mixed" takes list(any), but this has elements of different types.
}
variable "key" {
  type    = map(number)
  default = { "a b" = "x" } # says: The variable "key" takes map(number), but ["a b"] in it is string, not number.
}
variable "near" {
  type    = object({ port = number })
  default = { prot = 80 } # says: The variable "near" takes object({port = number}), but this lacks the attribute "port" and has "prot".
}
variable "any_object" {
  type    = set(object({ a = any }))
  default = [{ a = 1 }, "b"] # says: The variable "any_object" takes set(object({a = any})), but [1] in it is string, not object({a = any}).
}
variable "hidden" {
  type      = map(number)
  default   = { hunter2 = "x" } # says: The variable "hidden" takes map(number), but this is object.
  sensitive = true
}
