module {{name}}

go 1.24

require github.com/wasmill/wasmill/sdk/go v0.1.0
{{sdk}}
