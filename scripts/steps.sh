# shellcheck shell=bash
# For scripts that do one step after the other: says which begins, and in the end how long each took and which failed.
steps=() step='' since=0

# step NAME: ends the step before.
step() {
	[[ ! $step ]] || steps+=("$step $((SECONDS - since)) s")
	step=$1 since=$SECONDS
	[[ ! $step ]] || printf '\n==> %s\n' "$step" >&2
}

report() {
	local status=$? last=$step
	step ''
	printf '==> times:%s\n' "$(printf ' %s;' "${steps[@]}")" >&2
	((status == 0)) || printf '==> failed: %s\n' "$last" >&2
}
trap report EXIT
