// Package registry tells Feast's clients what is served, by the read-only calls of
// feast.registry.RegistryServer: `registry: {registry_type: remote}` in the SDK's
// feature_store.yaml. It is what get_feature_service, get_feature_view, get_entity, their
// lists, write_to_online_store and push ask before they ask the feature server itself.
//
//	views, services, push sources --Content--> what the caller may see --Answer--> message
//
// What is described, in Feast's terms:
//
//   - A view is a FeatureView, with its features, keys and time to live. Its tag
//     quern_version is the version that is served. Its batch source names the column of
//     the event time, which the SDK wants to know before it writes; there is no file.
//   - A key is an Entity of its own name and type. Where views have a key of one name in
//     several types, the entities of the other types are called NAME:TYPE.
//   - A service is a FeatureService, a push source a PushSource. A view that several
//     sources feed shows one of them: the first that is not called like the view.
//   - The project is the one that the client asks for: a server has one, and clients call
//     it as they like.
//
// A caller sees the features that it may look up or push, the services all of whose
// features it may look up, and nothing of the others, not even that they are there.
//
// All other calls of the service change a registry or read what quern does not have:
// UNIMPLEMENTED. Lists with filters other than tags are refused, because to ignore a
// filter would be a wrong answer.
package registry
