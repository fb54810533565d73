# shellcheck shell=sh
# Sourced: arm64_apt DIR TOOL ARGUMENTS..., apt for arm64 from this machine's own sources, with a state and a cache in DIR: the machine's dpkg
# and apt stay as they are.
arm64_apt() {
	_state=$1 _tool=$2
	shift 2
	mkdir -p "$_state/lists/partial" "$_state/cache/archives/partial"
	[ -e "$_state/status" ] || : >"$_state/status"
	timeout 200 "$_tool" -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$_state" -o Dir::State::lists="$_state/lists" \
		-o Dir::State::status="$_state/status" -o Dir::Cache="$_state/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o APT::Install-Recommends=0 "$@"
}
