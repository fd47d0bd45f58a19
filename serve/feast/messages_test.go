package feast

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// feastMessages are the messages of feast.serving and feast.types that are used, one
// a line: NAME, then for each field NUMBER:NAME:TYPE, where * is repeated and | is in
// the oneof. It is the oracle's description; the encoder knows nothing of it.
const feastMessages = `
Value 1:bytes_val:|bytes 2:string_val:|string 3:int32_val:|int32 4:int64_val:|int64 5:double_val:|double 6:float_val:|float 7:bool_val:|bool 8:unix_timestamp_val:|int64 11:bytes_list_val:|BytesList 12:string_list_val:|StringList 13:int32_list_val:|Int32List 14:int64_list_val:|Int64List 15:double_list_val:|DoubleList 16:float_list_val:|FloatList 17:bool_list_val:|BoolList 18:unix_timestamp_list_val:|Int64List 42:list_val:|RepeatedValue
BytesList 1:val:*bytes
StringList 1:val:*string
Int32List 1:val:*int32
Int64List 1:val:*int64
DoubleList 1:val:*double
FloatList 1:val:*float
BoolList 1:val:*bool
RepeatedValue 1:val:*Value
FeatureList 1:val:*string
Entry 1:key:string 2:value:RepeatedValue
Request 1:feature_service:|string 2:features:|FeatureList 3:entities:*Entry 4:full_feature_names:bool 6:include_feature_view_version_metadata:bool
ViewMetadata 1:name:string 2:version:int32
Metadata 1:feature_names:FeatureList 2:feature_view_metadata:*ViewMetadata
Vector 1:values:*Value 2:statuses:*enum 3:event_timestamps:*Timestamp
Response 1:metadata:Metadata 2:results:*Vector 3:status:bool
Info 1:version:string
`

// describe makes descriptors of feastMessages.
func describe(t testing.TB) protoreflect.FileDescriptor {
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("feast.proto"), Package: proto.String("f"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/timestamp.proto"},
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: proto.String("FieldStatus"), Value: []*descriptorpb.EnumValueDescriptorProto{
			{Name: proto.String("INVALID"), Number: proto.Int32(0)}, {Name: proto.String("PRESENT"), Number: proto.Int32(1)},
			{Name: proto.String("NULL_VALUE"), Number: proto.Int32(2)}, {Name: proto.String("NOT_FOUND"), Number: proto.Int32(3)},
			{Name: proto.String("OUTSIDE_MAX_AGE"), Number: proto.Int32(4)},
		}}},
	}
	for line := range strings.Lines(strings.TrimSpace(feastMessages)) {
		words := strings.Fields(line)
		m := &descriptorpb.DescriptorProto{Name: &words[0]}
		for _, w := range words[1:] {
			m.Field = append(m.Field, describeField(m, strings.Split(w, ":")))
		}
		file.MessageType = append(file.MessageType, m)
	}
	_ = timestamppb.File_google_protobuf_timestamp_proto
	d, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func describeField(m *descriptorpb.DescriptorProto, part []string) *descriptorpb.FieldDescriptorProto {
	number := int32(0)
	for _, c := range part[0] {
		number = number*10 + c - '0'
	}
	f := &descriptorpb.FieldDescriptorProto{Name: &part[1], Number: &number, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
	kind, isRepeated := strings.CutPrefix(part[2], "*")
	if isRepeated {
		f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	kind, inOneof := strings.CutPrefix(kind, "|")
	if inOneof {
		if len(m.OneofDecl) == 0 {
			m.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: proto.String("kind")}}
		}
		f.OneofIndex = proto.Int32(0)
	}
	if n, ok := descriptorpb.FieldDescriptorProto_Type_value["TYPE_"+strings.ToUpper(kind)]; ok && kind != "enum" {
		f.Type = descriptorpb.FieldDescriptorProto_Type(n).Enum()
		return f
	}
	f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(".f."+kind)
	switch kind {
	case "enum":
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_ENUM.Enum(), proto.String(".f.FieldStatus")
	case "Timestamp":
		f.TypeName = proto.String(".google.protobuf.Timestamp")
	}
	return f
}

// message returns a new message by name.
func message(d protoreflect.FileDescriptor, name string) *dynamicpb.Message {
	return dynamicpb.NewMessage(d.Messages().ByName(protoreflect.Name(name)))
}

// get returns a field of a message.
func get(m protoreflect.Message, name string) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
}
