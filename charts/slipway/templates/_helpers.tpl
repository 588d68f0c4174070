{{/* Names are those of the plain manifests: there is one Slipway in a cluster, and its admission policies, the operator and the documentation speak of them. */}}

{{- define "slipway.selectorLabels" -}}
app.kubernetes.io/name: slipway
app.kubernetes.io/component: operator
{{- end }}

{{- define "slipway.testLabels" -}}
app.kubernetes.io/name: slipway
app.kubernetes.io/component: test
{{- end }}

{{- define "slipway.apiServerEgress" -}}
{{- if not .Values.networkPolicy.apiServer.ports }}
{{- fail "networkPolicy.apiServer.ports: name at least one port: a rule without any lets everything out" }}
{{- end -}}
ports:                               # the API server
{{- range .Values.networkPolicy.apiServer.ports }}
- {port: {{ . }}}
{{- end }}
{{- with .Values.networkPolicy.apiServer.cidrs }}
to:
{{- range . }}
- ipBlock: {cidr: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "slipway.labels" -}}
app.kubernetes.io/part-of: slipway
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "slipway.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* A mapping with nothing under it, such as `config:` alone, is none to Helm; where all in it may be empty it is empty. */}}
{{- define "slipway.settled" -}}
{{- range list "config" "serviceMonitor" "podMonitor" "prometheusRule" }}
{{- if not (index $.Values .) }}{{ $_ := set $.Values . dict }}{{ end }}
{{- end }}
{{- end }}

{{/* Refuses what Slipway cannot run on, in words. */}}
{{- define "slipway.checked" -}}
{{- include "slipway.settled" . }}
{{- if semverCompare "<1.30-0" .Capabilities.KubeVersion.Version }}
{{- fail (printf "Slipway needs Kubernetes 1.30 or later: older ones have no ValidatingAdmissionPolicy in v1, so that nobody would verify who approves. This cluster is %s. Rendering without a cluster? Say --kube-version." .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- fail "serviceMonitor.enabled and podMonitor.enabled: choose one, or all is counted twice" }}
{{- end }}
{{- if and .Values.configSecret (omit .Values.config "namespaces") }}
{{- fail "configSecret and config: choose one; beside configSecret only config.namespaces counts, for the roles" }}
{{- end }}
{{- end }}

{{/* The objects of a file that ships with the chart, as a YAML list; they speak of this release's namespace and ServiceAccount. Takes root and path. */}}
{{- define "slipway.objects" -}}
{{- $text := required (printf "the chart lacks %s" .path) (.root.Files.Get .path) -}}
{{- $operator := printf "system:serviceaccount:%s:%s" .root.Release.Namespace .root.Values.serviceAccount.name -}}
{{- /* A namespace may look like a number. */}}
{{- $text = regexReplaceAll "(?m): slipway-system([,}]|$)" $text (printf ": %s${1}" (quote .root.Release.Namespace)) -}}
{{- $text = $text | replace "system:serviceaccount:slipway-system:slipway" "<the operator>" | replace "slipway-system" .root.Release.Namespace | replace "<the operator>" $operator -}}
{{- $objects := list -}}
{{- range $document := regexSplit "(?m)^---$" $text -1 -}}
{{- $object := fromYaml $document -}}
{{- if hasKey $object "Error" -}}{{- fail (printf "%s: %s" $.path $object.Error) -}}{{- end -}}
{{- if $object.kind -}}{{- $objects = append $objects $object -}}{{- end -}}
{{- end -}}
{{- toYaml $objects -}}
{{- end }}

{{/* An object as a document of the release, with its labels. Takes root and object. */}}
{{- define "slipway.document" -}}
{{- $labels := merge (include "slipway.labels" .root | fromYaml) (.object.metadata.labels | default dict) -}}
---
{{ toYaml (set .object "metadata" (set .object.metadata "labels" $labels)) }}
{{ end }}
